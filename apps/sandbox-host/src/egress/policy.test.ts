import { describe, expect, test } from 'vitest';
import {
  isAllowedHost,
  isAllowedPort,
  narrowPolicy,
  parseAuthority,
  parseDomains,
  parseRequestUrl,
} from './policy.ts';

describe('where a request wants to go', () => {
  test.each([
    ['example.com:443', { host: 'example.com', port: 443 }],
    ['EXAMPLE.com:443', { host: 'example.com', port: 443 }],
    ['[::1]:22', { host: '::1', port: 22 }],
    // What getaddrinfo takes for 127.0.0.1 is called by that name before it is checked.
    ['2130706433:80', { host: '127.0.0.1', port: 80 }],
    ['0x7f.1:80', { host: '127.0.0.1', port: 80 }],
    ['0177.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['127.1:80', { host: '127.0.0.1', port: 80 }],
    ['１２７.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['example.com', null],
    ['example.com:', null],
    ['example.com:x', null],
    ['user@example.com:80', null],
    ['example.com/path:80', null],
    ['[::1%25lo]:80', null],
    ['a b:80', null],
    ['a\\b:80', null],
    ['', null],
  ])('%s is read', (authority, target) => {
    expect(parseAuthority(authority)).toEqual(target);
  });

  test('is read from absolute http URLs alone', () => {
    expect(parseRequestUrl('http://[::1]:8080/x?y')?.target).toEqual({ host: '::1', port: 8080 });
    expect(parseRequestUrl('http://example.com')?.target).toEqual({ host: 'example.com', port: 80 });
    for (const text of [
      '/path',
      'https://example.com/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'http://',
    ])
      expect(parseRequestUrl(text)).toBeNull();
  });

  test('is no mail or name server', () => {
    expect([80, 443, 8080, 22].every(isAllowedPort)).toBe(true);
    expect([0, 25, 53, 465, 587, 853, 65_536].some(isAllowedPort)).toBe(false);
  });
});

describe('a list of domains', () => {
  test('names domains, with their subdomains or without', () => {
    const allowedDomains = parseDomains(' Example.com , *.npmjs.org. ,');
    expect(allowedDomains).toEqual(['example.com', '*.npmjs.org']);
    const policy = { allowedDomains };
    const hosts = ['example.com', 'EXAMPLE.COM.', 'a.npmjs.org', 'a.b.npmjs.org'];
    expect(hosts.filter((host) => !isAllowedHost(host, policy))).toEqual([]);
    const others = ['a.example.com', 'npmjs.org', 'evilnpmjs.org', 'example.com.evil.test', '1.2.3.4', '::1'];
    expect(others.filter((host) => isAllowedHost(host, policy))).toEqual([]);
  });

  test.each(['*', '*.', 'a..b', 'http://a.test', 'a.*.test', '1.2.3.4', 'a.test:80', '-a.test', 'a b'])(
    '%s is none',
    (list) => {
      expect(parseDomains(list)).toBeNull();
    },
  );

  test('is narrowed by another and never widened', () => {
    const outer = { allowedDomains: ['*.good.test', 'one.test'] };
    expect(narrowPolicy(outer, { allowedDomains: null })).toEqual(outer);
    const inner = { allowedDomains: ['a.good.test', '*.b.good.test', 'one.test', '*.one.test', 'two.test'] };
    expect(narrowPolicy(outer, inner).allowedDomains).toEqual(['a.good.test', '*.b.good.test', 'one.test']);
    expect(narrowPolicy({ allowedDomains: null }, inner)).toEqual(inner);
  });
});
