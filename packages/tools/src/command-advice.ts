/** What went wrong with a command because nobody sits in front of it, told from its last words. */
interface Advice {
  readonly sign: RegExp;
  readonly text: string;
}

/** How much of the end of an output is looked at, in characters: what made a command fail stands there. */
const maxSearchedCharacters = 4000;

const failures: readonly Advice[] = [
  {
    sign: /(?:[Ii]n|[Oo]ut)put is not (?:to|from) a terminal|Error opening terminal|failed tty get|terminals? database is inaccessible|not a tty|is not a terminal|not a TTY|Inappropriate ioctl for device|[cC]annot open terminal|\/dev\/tty|terminal is not fully functional/,
    text: 'There is no terminal here. Use a command that needs none: edit with str_replace, sed or a script, print with cat, and take flags such as -b -n 1 for top.',
  },
  {
    sign: /Aborting commit due to empty commit message|Please supply the message using either -m or -F|no (?:commit|tag) message\?|problem with the editor|"?false"? exited with status 1|error running (?:the )?editor/i,
    text: 'No editor opens here. Give the text as an argument or a file: git commit -m …, git tag -m …, crontab FILE.',
  },
  {
    sign: /could not read (?:Username|Password)|terminal prompts disabled|Permission denied \(publickey|Host key verification failed|Password:|askpass/i,
    text: 'Nobody can type a password or confirm a key here, and no credentials are in this sandbox. Ask the user how to get access.',
  },
  {
    sign: /a terminal is required to (?:read the password|authenticate)|sudo: .*(?:password|not found)|are you root\?|must be run as root|requires superuser privilege/,
    text: 'You are an ordinary user here and cannot become root. Install into your home or the workspace instead, for example with pip install --user or npm.',
  },
  {
    sign: /EOFError|EOF when reading a line|end of file (?:on|while reading) (?:stdin|input)|\[[Yy]\/[Nn]\]\s*(?:Abort\.?)?\s*$|\((?:[Yy]es|[Yy])\/(?:[Nn]o|[Nn])\)[^\n]{0,20}$/,
    text: "Standard input is empty, so nobody answered its question. Pass the flag that answers it (often -y), or pipe the answer in: printf 'yes\\n' | …",
  },
  {
    sign: /[Cc]ould not resolve (?:host|proxy)|Temporary failure (?:in name resolution|resolving)|Name or service not known|EAI_AGAIN|ENOTFOUND|getaddrinfo|Network is unreachable|UnknownHostException/,
    text: 'Where HTTP_PROXY is set, the network is reached only through that proxy, and there is no DNS: use a program that takes HTTP_PROXY and HTTPS_PROXY, or tell yours of them.',
  },
];

/** Interpreters that wait for a person when they are given nothing to do. */
const interpreters =
  /^\s*(?:\w+=\S*\s+)*(?:\S*\/)?(?:python[\d.]*|node|irb|bash|sh|zsh|php|lua|R|julia|ghci|scala|bc|sqlite3|psql|mysql)\s*$/;

/** Names the signal that an exit code stands for by the shells' custom. */
const signals: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  131: 'SIGQUIT',
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  141: 'SIGPIPE',
  143: 'SIGTERM',
  152: 'SIGXCPU',
  153: 'SIGXFSZ',
  159: 'SIGSYS',
};

const causes: Readonly<Record<string, string>> = {
  SIGKILL: ': something killed it, or the sandbox was out of memory',
  SIGXFSZ: ': it wrote a file beyond the size that is allowed',
  SIGSYS: ': it used a system call that is forbidden here',
};

/** A sentence on the signal that ended a command, null when none did. */
export function signalAdvice(exitCode: number | null): string | null {
  const signal = exitCode === null ? undefined : signals[exitCode];
  if (signal === undefined) return null;
  return `Exit code ${exitCode} stands for an end by ${signal}${causes[signal] ?? ''}.`;
}

/** What helps where a command failed for want of a terminal, a person or a network; null where nothing says so. */
export function adviceFor(ended: {
  readonly command: string;
  readonly exitCode: number | null;
  readonly output: string;
}): string | null {
  const { command, exitCode, output } = ended;
  if (exitCode === 0) {
    return output === '' && interpreters.test(command)
      ? 'Standard input is empty, so an interpreter without a script ends at once. Give it a file or code: python3 -c …, node -e …, or a heredoc.'
      : null;
  }
  const end = output.slice(-maxSearchedCharacters);
  return failures.find(({ sign }) => sign.test(end))?.text ?? null;
}
