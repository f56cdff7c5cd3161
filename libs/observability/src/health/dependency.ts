/** What a service needs of one of its dependencies to be of use. */
export interface Dependency {
  /** Short and stable, as `database` or `queue order-service.commands`. */
  name: string;
  /**
   * Looks at the dependency now. What it throws, and an answer that takes longer than two seconds, counts as `down`
   * and is shown by the error's message: keep addresses and secrets out of it.
   */
  check(): DependencyState | Promise<DependencyState>;
}

export interface DependencyState {
  /** `degraded`: something is wrong, but the service is of use all the same. */
  status: 'up' | 'degraded' | 'down';
  /** Why it is not `up`. */
  message?: string;
}
