import { z } from 'zod';

/** A file that was uploaded. `url` is stable, and what a file part of a message holds. */
export const uploadedFileSchema = z.object({
  id: z.string(),
  name: z.string(),
  mediaType: z.string(),
  size: z.int().nonnegative(),
  url: z.string(),
});
export type UploadedFile = z.infer<typeof uploadedFileSchema>;

/** The fields of `POST /v1/files` beside `file`; without a project the file goes to that of the run that attaches it. */
export const uploadFileFieldsSchema = z.strictObject({ projectId: z.uuid().optional() });

/** The answer of `POST /v1/files`. */
export const fileResponseSchema = z.object({ file: uploadedFileSchema });
export type FileResponse = z.infer<typeof fileResponseSchema>;

/** What lies in a workspace; `path` is relative to it, `size` is in bytes. */
export const workspaceEntrySchema = z.object({
  path: z.string(),
  kind: z.enum(['file', 'directory', 'link', 'other']),
  size: z.int().nonnegative(),
  modifiedAt: z.iso.datetime({ offset: true }),
});
export type WorkspaceEntry = z.infer<typeof workspaceEntrySchema>;

/** The answer of `GET /v1/projects/:id/files`, sorted by path; `isTruncated` when there is more than fits. */
export const workspaceResponseSchema = z.object({
  entries: z.array(workspaceEntrySchema),
  isTruncated: z.boolean(),
});
export type WorkspaceResponse = z.infer<typeof workspaceResponseSchema>;

/** The answer of `PUT /v1/projects/:id/files/content`. */
export const workspaceEntryResponseSchema = z.object({ entry: workspaceEntrySchema });
export type WorkspaceEntryResponse = z.infer<typeof workspaceEntryResponseSchema>;

/** The answer of `GET /v1/projects/:id/ports/:port`: who has `url` reaches the port until `expiresAt`, and nothing else. */
export const portResponseSchema = z.object({
  port: z.int(),
  url: z.url(),
  expiresAt: z.iso.datetime({ offset: true }),
});
export type PortResponse = z.infer<typeof portResponseSchema>;
