import { nodeScript, type Probe, probesOf } from './probe.ts';

/** Asks the proxy by name for a URL, whatever NO_PROXY says. */
const ask =
  (url: string): Probe['command'] =>
  ({ machine }) =>
    nodeScript(
      `require("http").get({ host: "127.0.0.1", port: 3128, path: ${JSON.stringify(url)}, headers: { host: "x" } }, (r) => { let t = ""; r.on("data", (d) => (t += d)); r.on("end", () => console.log(t === "${machine.answerSecret}" ? "REACHED" : r.statusCode + t)) }).on("error", (e) => console.log(e.code))`,
    );

const tunnel =
  (authority: string): Probe['command'] =>
  () =>
    nodeScript(
      `const r = require("http").request({ host: "127.0.0.1", port: 3128, method: "CONNECT", path: ${JSON.stringify(authority)} }); r.on("connect", (a) => { console.log(a.statusCode === 200 ? "REACHED" : a.statusCode); process.exit() }); r.on("error", (e) => console.log(e.code)); r.end()`,
    );

/** Follows redirects, as programs do; the environment names the proxy. */
const follow =
  (url: string, times = 1): Probe['command'] =>
  ({ machine }) =>
    nodeScript(
      `(async () => { let t; for (let n = 0; n < ${times}; n++) t = await (await fetch(${JSON.stringify(url)})).text(); console.log(t === "${machine.answerSecret}" ? "REACHED" : t) })().catch((e) => console.log(e.cause?.code))`,
    );

const connect =
  (options: string, say: string): Probe['command'] =>
  ({ machine }) =>
    nodeScript(
      `let t = ""; const s = require("net").connect(${options.replaceAll('WEB_PORT', String(machine.webPort)).replaceAll('ABSTRACT', JSON.stringify(machine.abstractSocket)).replaceAll('SOCKET', JSON.stringify(machine.socketPath))}, () => s.write(${JSON.stringify(say)})); s.on("data", (d) => { if ((t += d).includes("${machine.answerSecret}")) { console.log("REACHED"); process.exit() } }); s.on("error", (e) => console.log(e.code))`,
    );

const request = 'GET / HTTP/1.0\r\n\r\n';

/** `host` as in a URL, and what the proxy dials when nothing holds it. */
const inward: readonly (readonly [name: string, host: string, dials: string])[] = [
  ['a loopback address', '127.0.0.1', '127.0.0.1:80'],
  ['a loopback address written as a number', '2130706433', '127.0.0.1:80'],
  ['the loopback of IPv6', '[::1]', '::1:80'],
  ['the address of everybody (0.0.0.0)', '0.0.0.0', '0.0.0.0:80'],
  ['a private address (10/8)', '10.0.0.1', '10.0.0.1:80'],
  ['a private address (172.16/12)', '172.16.0.1', '172.16.0.1:80'],
  ['a private address (192.168/16)', '192.168.1.1', '192.168.1.1:80'],
  ['an address of a carrier (100.64/10)', '100.64.0.1', '100.64.0.1:80'],
  ["a cloud's metadata (169.254.169.254)", '169.254.169.254', '169.254.169.254:80'],
  ["another cloud's metadata (100.100.100.200)", '100.100.100.200', '100.100.100.200:80'],
  ["a third cloud's metadata (168.63.129.16)", '168.63.129.16', '168.63.129.16:80'],
  ['metadata by IPv6 (fd00:ec2::254)', '[fd00:ec2::254]', 'fd00:ec2::254:80'],
  ['a link-local address of IPv6', '[fe80::1]', 'fe80::1:80'],
  ['metadata, mapped into IPv6', '[::ffff:169.254.169.254]', '::ffff:a9fe:a9fe:80'],
  ['metadata by NAT64', '[64:ff9b::169.254.169.254]', '64:ff9b::a9fe:a9fe:80'],
  ['metadata by 6to4', '[2002:a9fe:a9fe::1]', '2002:a9fe:a9fe::1:80'],
  ['a multicast address', '224.0.0.1', '224.0.0.1:80'],
  ['a name that leads inwards', 'inside.test', '10.1.2.3:80'],
];

export const socketProbes = probesOf('sockets and egress', [
  ...inward.map(([name, host, dials]) => ({
    name: `through the proxy: ${name}`,
    command: ask(`http://${host}/`),
    without: ['egress-address-check'] as const,
    withoutAsUser: ['egress-address-check'] as const,
    dials,
  })),
  {
    name: 'through a tunnel of the proxy: a loopback address',
    command: tunnel('127.0.0.1:22'),
    without: ['egress-address-check'],
    withoutAsUser: ['egress-address-check'],
    dials: '127.0.0.1:22',
  },
  {
    name: "through the proxy: metadata by a public site's redirect",
    command: follow(`http://public.test/to/${encodeURIComponent('http://169.254.169.254/')}`),
    without: ['egress-address-check'],
    withoutAsUser: ['egress-address-check'],
    dials: '169.254.169.254:80',
  },
  {
    name: 'through the proxy: a name that leads inwards the second time',
    command: follow('http://changing.test/', 2),
    without: ['egress-address-check'],
    withoutAsUser: ['egress-address-check'],
    dials: '10.4.5.6:80',
  },
  {
    name: "through a tunnel of the proxy: a stranger's mail server",
    command: tunnel('public.test:25'),
    without: ['egress-port-check'],
    withoutAsUser: ['egress-port-check'],
    dials: '93.184.216.34:25',
  },
  {
    name: "through a tunnel of the proxy: a stranger's name server",
    command: tunnel('93.184.216.34:53'),
    without: ['egress-port-check'],
    withoutAsUser: ['egress-port-check'],
    dials: '93.184.216.34:53',
  },
  {
    name: 'through the proxy: a domain that is not listed',
    variant: 'listed',
    command: ask('http://public.test/'),
    without: ['egress-domains'],
    withoutAsUser: ['egress-domains'],
    dials: '93.184.216.34:80',
  },
  {
    name: 'through the proxy: a public address where domains are listed',
    variant: 'listed',
    command: ask('http://93.184.216.34/'),
    without: ['egress-domains'],
    withoutAsUser: ['egress-domains'],
    dials: '93.184.216.34:80',
  },
  {
    name: "a port of the host's loopback",
    command: connect('WEB_PORT, "127.0.0.1"', request),
    without: ['network-namespace'],
    withoutAsUser: ['network-namespace'],
  },
  {
    name: 'a datagram to the host, as to its name server',
    command: ({ machine }) =>
      nodeScript(
        `const s = require("dgram").createSocket("udp4"); s.on("message", (m) => { console.log(String(m) === "${machine.answerSecret}" ? "REACHED" : "no"); process.exit() }); s.send("?", ${machine.datagramPort}, "127.0.0.1"); setTimeout(() => process.exit(), 2000)`,
      ),
    without: ['network-namespace'],
    withoutAsUser: ['network-namespace'],
  },
  {
    name: "an abstract socket of the host's programs",
    command: connect('ABSTRACT', request),
    without: ['network-namespace'],
    withoutAsUser: ['network-namespace'],
  },
  {
    name: "a socket of the host's programs in /tmp",
    command: connect('SOCKET', request),
    without: ['private-tmp'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "see the host's network devices",
    command: () => 'grep -q : /proc/net/dev && [ "$(grep -c : /proc/net/dev)" -gt 1 ] && echo REACHED',
    without: ['network-namespace'],
    withoutAsUser: ['network-namespace'],
  },
]);
