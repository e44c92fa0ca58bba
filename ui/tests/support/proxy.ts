// The proxies of `deploy`, with their own files: only host, port and certificate are others.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEPLOY = join(import.meta.dirname, '../../../deploy');
const PATIENCE_SECONDS = 30;
const STOP_SECONDS = 3;

export type ProxyKind = 'nginx' | 'caddy';

export class Proxy {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts a proxy in front of the server at `upstream`, and waits until it answers. */
  static async start(kind: ProxyKind, upstream: string): Promise<Proxy> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), `crp-${kind}-`));
    const [program, ...args] = kind === 'nginx' ? nginx(folder, port, upstream) : caddy(folder, port, upstream);
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
    const child = spawn(program ?? kind, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    const proxy = new Proxy(`http://127.0.0.1:${port}`, child, folder);
    const ends = Date.now() + PATIENCE_SECONDS * 1000;
    while (!(await fetch(`${proxy.url}/livez`).then(({ ok }) => ok).catch(() => false))) {
      if (Date.now() > ends || child.exitCode !== null) throw new Error(`${kind} does not answer:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return proxy;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.once('exit', resolve));
      this.process.kill('SIGTERM');
      // Caddy waits for open streams without an end.
      const enough = setTimeout(() => this.process.kill('SIGKILL'), STOP_SECONDS * 1000);
      await ended;
      clearTimeout(enough);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function nginx(folder: string, port: number, upstream: string): string[] {
  const server = changed('nginx.conf', [
    [/listen 443 ssl;/, `listen 127.0.0.1:${port};`],
    [/server_name [^;]+;/, 'server_name _;'],
    [/ {4}ssl_certificate [^;]+;\n/, ''],
    [/ {4}ssl_certificate_key [^;]+;\n/, ''],
    [/http:\/\/127\.0\.0\.1:8080/, upstream],
  ]);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;\nworker_processes 1;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${server}\n}\n`,
  );
  return ['nginx', '-c', file, '-p', folder, '-e', 'stderr'];
}

function caddy(folder: string, port: number, upstream: string): string[] {
  const site = changed('Caddyfile', [
    [/^scans\.example\.org/m, `http://127.0.0.1:${port}`],
    [/127\.0\.0\.1:8080/, upstream.replace('http://', '')],
  ]);
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
  return ['caddy', 'run', '--adapter', 'caddyfile', '--config', file];
}

/** A file of `deploy` with these replacements, each of which must find its place. */
function changed(name: string, replacements: [RegExp, string][]): string {
  let text = readFileSync(join(DEPLOY, name), 'utf8');
  for (const [pattern, value] of replacements) {
    if (!pattern.test(text)) throw new Error(`deploy/${name} has no ${pattern.source} any more`);
    text = text.replace(pattern, value);
  }
  return text;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
