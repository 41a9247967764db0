import { AppError, type ChatPart, type FileId, type InputPart } from '@switchyard/protocol';
import {
  type Actor,
  createFile,
  type Database,
  hasMessage,
  inTransaction,
  type StartedRun,
  startChatRun as storeRun,
  type StartChatRunOptions,
} from '@switchyard/store';
import { announceStart } from './announce.ts';
import { isDataUrl, readDataUrl } from './data-url.ts';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';
import type { ChatCommand, ChatMessage, ReadChatRequest } from './read-chat-request.ts';
import { limitsOf, modelOf, uploadUrlOf } from './run-options.ts';
import type { StoredUpload, Upload } from './store-uploads.ts';
import { type Fault, invalid } from './validate.ts';

type Sources = Pick<Gateway, 'sql' | 'queue' | 'control' | 'feeds' | 'storeUploads' | 'config' | 'logger'>;
type StartCommand = Exclude<ChatCommand, { readonly kind: 'answer' }>;

/**
 * Starts the run that a chat asks for, or finds the one that is there. The files of a message that is new go to storage
 * first; rows for them come with the run, in one transaction, or not at all.
 */
export async function startChatRun(
  gateway: Sources,
  actor: Actor,
  { body, command }: { readonly body: ReadChatRequest['body']; readonly command: StartCommand },
): Promise<StartedRun> {
  const wanted = {
    trigger: command.kind,
    threadId: body.id ?? undefined,
    projectId: body.projectId ?? undefined,
    model: modelOf(gateway.config.models, body.model ?? undefined),
    limits: limitsOf(gateway.config.runLimits, body.limits ?? undefined),
    instructions: body.instructions ?? undefined,
    onBusy: body.onBusy ?? undefined,
    replacedMessageId: command.kind === 'submit' ? command.replacedMessageId : undefined,
    answerId: command.kind === 'regenerate' ? command.answerId : undefined,
  } as const;
  const started = await storeWithMessage(gateway, actor, { wanted, command });
  await announceStart(gateway, started);
  return started;
}

async function storeWithMessage(
  { sql, storeUploads }: Sources,
  actor: Actor,
  {
    wanted,
    command,
  }: { readonly wanted: Omit<StartChatRunOptions, 'message'>; readonly command: StartCommand },
): Promise<StartedRun> {
  const { message } = command;
  if (message === null) return await storeRun(sql, actor, { ...wanted, message });
  const { id, clientHash } = message;
  if (await isKnown(sql, actor, { threadId: wanted.threadId, command, message })) {
    return await storeRun(sql, actor, { ...wanted, message: { id, clientHash, parts: null } });
  }
  const { parts, uploads, files } = partsOf(message);
  if (uploads.length === 0) {
    return await storeRun(sql, actor, {
      ...wanted,
      message: { id, clientHash, parts: urlsOf(parts, []), files },
    });
  }
  const stored = await storeUploads(actor, uploads);
  return await inTransaction(
    sql,
    async (transaction) => {
      const ids = await createFiles(transaction, actor, stored);
      const message = { id, clientHash, parts: urlsOf(parts, ids), files };
      return await storeRun(transaction, actor, { ...wanted, message });
    },
    { isKept: (started) => !started.isReplay },
  );
}

/**
 * Whether the message needs no parts, since the thread has it: then its files need not be stored a second time. Asked
 * only where that spares something; the transaction decides.
 */
async function isKnown(
  sql: Database,
  actor: Actor,
  {
    threadId,
    command,
    message: { id, clientHash, parts },
  }: { readonly threadId: string | undefined; readonly command: StartCommand; readonly message: ChatMessage },
): Promise<boolean> {
  if (threadId === undefined) return false;
  if (command.kind === 'regenerate') return await hasMessage(sql, actor, { threadId, messageId: id });
  if (!parts.some((part) => part.type === 'file' && isDataUrl(part.url))) return false;
  return await hasMessage(sql, actor, { threadId, messageId: id, clientHash });
}

/** A part as it is stored, or the place in `uploads` of the file that its url will name. */
type ReadPart = InputPart | { readonly upload: number };

function partsOf({ parts, pointer }: ChatMessage): {
  readonly parts: readonly ReadPart[];
  readonly uploads: readonly Upload[];
  readonly files: readonly FileId[];
} {
  const read: ReadPart[] = [];
  const uploads: Upload[] = [];
  const files: FileId[] = [];
  const faults: Fault[] = [];
  parts.forEach((part, index) => {
    switch (part.type) {
      case 'text':
        read.push({ type: 'text', text: part.text });
        break;
      case 'data-file':
        files.push(part.data.fileId as FileId);
        break;
      case 'file': {
        const url = uploadUrlOf(part.url);
        if (isDataUrl(part.url)) {
          read.push({ upload: uploads.push(uploadOf(part, `${pointer}/${index}/url`)) - 1 });
        } else if (url !== null) {
          read.push(linkedPart({ ...part, url }));
        } else {
          const detail = 'Neither a data url nor the url of an uploaded file.';
          faults.push({ pointer: `${pointer}/${index}/url`, detail });
        }
        break;
      }
    }
  });
  if (uploads.length > limits.uploadFiles)
    faults.push({ pointer, detail: `At most ${limits.uploadFiles} files.` });
  if (faults.length > 0) throw invalid(faults);
  return { parts: read, uploads, files };
}

type FilePart = Extract<ChatPart, { readonly type: 'file' }>;

function linkedPart({ url, mediaType, filename }: FilePart): InputPart {
  return {
    type: 'file',
    url,
    mediaType: mediaType ?? 'application/octet-stream',
    ...(filename ? { filename } : {}),
  };
}

function uploadOf({ url, mediaType, filename }: FilePart, pointer: string): Upload {
  const content = readDataUrl(url);
  if (content === 'malformed') throw invalid([{ pointer, detail: 'Not a data url.' }]);
  if (content === 'too-large') {
    throw new AppError(
      'payload_too_large',
      'A file in a message has at most 4 MB. Upload larger ones first.',
      {
        details: { errors: [{ pointer, detail: 'Larger than 4 MB.' }] },
      },
    );
  }
  const named = [mediaType, content.mediaType].find(
    (type) => type && /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(type),
  );
  const type = named ?? 'application/octet-stream';
  return { name: filename || `attachment${extensionOf(type)}`, mediaType: type, bytes: content.bytes };
}

/** For files without a name: agents and people go by extensions. */
function extensionOf(mediaType: string): string {
  if (mediaType === 'text/plain') return '.txt';
  const [, subtype = ''] = mediaType.split('/');
  return /^[a-z0-9]{1,8}$/.test(subtype) ? `.${subtype}` : '';
}

async function createFiles(
  sql: Database,
  actor: Actor,
  stored: readonly StoredUpload[],
): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const file of stored) files.push({ ...file, id: (await createFile(sql, actor, file)).id });
  return files;
}

interface StoredFile extends StoredUpload {
  readonly id: string;
}

/** The parts as they are stored: rows never hold the bytes of a file. */
function urlsOf(parts: readonly ReadPart[], files: readonly StoredFile[]): InputPart[] {
  return parts.map((part) => {
    if (!('upload' in part)) return part;
    const file = files[part.upload];
    if (!file) throw new Error('a part names an upload that is not there');
    return { type: 'file', url: `/v1/files/${file.id}`, mediaType: file.mediaType, filename: file.name };
  });
}
