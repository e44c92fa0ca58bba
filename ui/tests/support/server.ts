// The real binary as a server on free ports, with a data directory of its own: started, killed, started again.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ADMIN = { email: 'admin@example.org', password: 'correct horse battery staple' };

const PROGRAM = process.env['CRP_BINARY'] ?? join(import.meta.dirname, '../../../target/debug/crpipeline');
const PATIENCE_SECONDS = 60;

interface Plan {
  /** Whether the first start makes the administrator; without it there is a set-up link in the log. */
  hasAdmin?: boolean;
  env?: Record<string, string>;
}

interface Ready {
  api: string;
  metrics: string;
}

export class Server {
  private process: ChildProcess | undefined;
  private log = '';
  private heard: (() => void)[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'crp-ui-'));
  private ready: Ready | undefined;

  private constructor(private readonly plan: Plan) {}

  static async start(plan: Plan = {}): Promise<Server> {
    const server = new Server(plan);
    await server.run('127.0.0.1:0');
    return server;
  }

  get url(): string {
    return this.ready?.api ?? '';
  }

  get metricsUrl(): string {
    return this.ready?.metrics ?? '';
  }

  /** The one-time link of a server without an administrator. */
  async setupLink(): Promise<string> {
    return this.find((line) => /https?:\/\/\S+\/setup\?token=[0-9a-f]+/.exec(line)?.[0]);
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    const { process } = this;
    if (!process || process.exitCode !== null) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  }

  /** Starts it again on the same port and the same data. */
  async startAgain(): Promise<void> {
    const { host } = new URL(this.url);
    this.log = '';
    await this.run(host);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(listen: string): Promise<void> {
    const admin = { CRPIPELINE_ADMIN_EMAIL: ADMIN.email, CRPIPELINE_ADMIN_PASSWORD: ADMIN.password };
    this.process = spawn(PROGRAM, ['serve'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        CRPIPELINE_DATA_DIR: this.folder,
        CRPIPELINE_LISTEN: listen,
        CRPIPELINE_METRICS_LISTEN: '127.0.0.1:0',
        CRPIPELINE_WORKER_SLOTS: '2',
        CRPIPELINE_LOG_FORMAT: 'json',
        ...(this.plan.hasAdmin === false ? {} : admin),
        ...this.plan.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.log += data.toString();
        for (const tell of this.heard) tell();
      });
    }
    this.process.on('exit', () => {
      for (const tell of this.heard) tell();
    });
    this.ready = await this.find(readyLine);
  }

  /** The first line of the log in which something is found. */
  private async find<T>(look: (line: string) => T | undefined): Promise<T> {
    const ends = Date.now() + PATIENCE_SECONDS * 1000;
    for (;;) {
      for (const line of this.log.split('\n')) {
        const found = look(line);
        if (found !== undefined) return found;
      }
      if (Date.now() > ends || this.process?.exitCode !== null) throw new Error(`The server did not say it:\n${this.log}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.heard = [
          () => {
            clearTimeout(timer);
            resolve();
          },
        ];
      });
    }
  }
}

function readyLine(line: string): Ready | undefined {
  if (!line.includes('"metrics"')) return undefined;
  try {
    const { api, metrics } = JSON.parse(line) as Partial<Ready>;
    const plain = (url: string) => url.replace(/\/$/, '');
    return api !== undefined && metrics !== undefined ? { api: plain(api), metrics: plain(metrics) } : undefined;
  } catch {
    return undefined;
  }
}
