/** What happened to a job, for its status and its events. */
export interface CronHappening {
  readonly reason: 'Started' | 'Succeeded' | 'Failed' | 'Skipped' | 'Missed';
  /** The same for what happens alike, so that repetitions are one event. */
  readonly message: string;
}
