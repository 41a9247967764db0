import { readFileSync } from 'node:fs';

/** Why no sandbox can be started on this machine, and the one thing to do; shown to operators and end users. */
export interface WallTrouble {
  readonly reason: string;
  readonly remedy: string;
}

function readSetting(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** What can be known before anything is started; null when nothing stands against it. */
export function checkWall({
  platform,
  bwrapPath,
  missingTools,
}: {
  readonly platform: string;
  readonly bwrapPath: string | null;
  readonly missingTools: readonly string[];
}): WallTrouble | null {
  if (platform !== 'linux') {
    return {
      reason: 'Sandboxes need Linux.',
      remedy:
        'Run Switchyard on Linux, or set DAYTONA_API_URL and DAYTONA_API_KEY to use sandboxes elsewhere.',
    };
  }
  if (!bwrapPath) {
    return {
      reason: 'bubblewrap is not installed.',
      remedy: 'Install it (Debian, Ubuntu: "sudo apt-get install bubblewrap") or set BWRAP_PATH.',
    };
  }
  if (missingTools.length > 0) {
    return {
      reason: `The tools ${missingTools.join(', ')} are missing.`,
      remedy: 'Install util-linux, findutils and coreutils.',
    };
  }
  if (readSetting('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return {
      reason: 'User namespaces are switched off on this machine.',
      remedy: 'Run "sudo sysctl -w kernel.unprivileged_userns_clone=1".',
    };
  }
  if (readSetting('/proc/sys/user/max_user_namespaces') === '0') {
    return {
      reason: 'User namespaces are switched off on this machine.',
      remedy: 'Run "sudo sysctl -w user.max_user_namespaces=15000".',
    };
  }
  return null;
}

/** What bwrap's own message means, once it has failed. */
export function explainFailure(output: string): WallTrouble {
  const isAboutNamespaces = /namespace|uid map|setting up|Operation not permitted|unshare failed/i.test(
    output,
  );
  if (isAboutNamespaces && readSetting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return {
      reason: 'AppArmor does not let ordinary users make user namespaces.',
      remedy: 'Run "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".',
    };
  }
  if (isAboutNamespaces) {
    return {
      reason: 'This machine or container does not allow user namespaces.',
      remedy:
        'In a container, start it with "--security-opt seccomp=unconfined --security-opt systempaths=unconfined".',
    };
  }
  return {
    reason: 'bubblewrap could not start the sandbox.',
    remedy: 'The log of the sandbox host has what it said.',
  };
}
