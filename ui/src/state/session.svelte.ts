// Who is signed in. The server knows; this asks it, and hears when it changes its mind.
import { api, onSignedOut, take, type Me } from '../api/client';
import { Problem } from '../api/problem';

type State = { kind: 'asking' } | { kind: 'out'; wasIn: boolean; isSetUp: boolean } | { kind: 'in'; me: Me } | { kind: 'trouble'; problem: Problem };

class Session {
  state = $state<State>({ kind: 'asking' });

  constructor() {
    onSignedOut(() => this.ended());
  }

  get me(): Me | undefined {
    return this.state.kind === 'in' ? this.state.me : undefined;
  }

  /** Whether the role may change documents and jobs; the server decides, this only hides what it would refuse. */
  get mayWrite(): boolean {
    return this.me !== undefined && this.me.role !== 'viewer';
  }

  get isAdministrator(): boolean {
    return this.me?.role === 'owner' || this.me?.role === 'admin';
  }

  async ask(): Promise<void> {
    try {
      const { me, is_set_up } = await take(api.GET('/api/v1/session'));
      if (me) this.state = { kind: 'in', me };
      else this.state = { kind: 'out', wasIn: false, isSetUp: is_set_up };
    } catch (error) {
      this.state = { kind: 'trouble', problem: Problem.from(error) };
    }
  }

  /** Whether it is still there; a line that is down is no answer. */
  async recheck(): Promise<void> {
    try {
      const { me } = await take(api.GET('/api/v1/session'));
      if (!me) this.ended();
    } catch {
      // Whoever asked tries again.
    }
  }

  async signIn(email: string, password: string): Promise<void> {
    const me = await take(api.POST('/api/v1/session', { body: { email, password } }));
    this.state = { kind: 'in', me };
  }

  async signOut(): Promise<void> {
    await take(api.DELETE('/api/v1/session'));
    this.state = { kind: 'out', wasIn: false, isSetUp: true };
  }

  private ended(): void {
    if (this.state.kind !== 'out') this.state = { kind: 'out', wasIn: this.state.kind === 'in', isSetUp: true };
  }
}

export const session = new Session();
