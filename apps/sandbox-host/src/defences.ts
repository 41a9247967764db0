/**
 * What stands between a sandbox and the machine, by name. All of them are always on, except in the tests that show
 * that each is needed: those switch the smallest set off and see the probe succeed.
 */
export const allDefences = [
  /** Started from a user id that owns nothing on this machine. */
  'unprivileged-uid',
  /** Started by root, every sandbox has a user id of its own. */
  'own-user-id',
  /** The starting process has no environment that `/proc/<pid>/environ` could show. */
  'empty-environment',
  /** The system's files, this host's own among them, are mounted read-only. */
  'read-only-system',
  /** Of this machine's folders only the system's. */
  'selected-folders',
  /** Only those files of /etc that programs need. */
  'selected-etc',
  /** /tmp is the sandbox's own. */
  'private-tmp',
  /** /dev holds what every program needs; shared memory is the sandbox's own. */
  'private-devices',
  'user-namespace',
  'pid-namespace',
  'network-namespace',
  /** What the proxy connects to is on the public internet. */
  'egress-address-check',
  /** The proxy connects to no mail or name server. */
  'egress-port-check',
  /** The proxy connects to the domains that the operator names, if he does. */
  'egress-domains',
  'seccomp',
  'no-capabilities',
  'no-nested-namespaces',
  /** Of each process and of each user: processes, open files, size of a file, private memory. */
  'resource-limits',
  /** Of all processes together, by a cgroup or by looking. */
  'memory-limit',
  /** Of the whole workspace, by looking. */
  'disk-limit',
] as const;

export type Defence = (typeof allDefences)[number];
