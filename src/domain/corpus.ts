/** What a writer draws from: written by us, except policies, which are real. */

export interface Voice {
  readonly id: number;
  /** A quote in the first person, not attributed to a real person. */
  readonly text: string;
  readonly speaker: string;
  /** What the writer says to the user after the quote. */
  readonly echo: string;
  readonly emotions: readonly string[];
  readonly situations: readonly string[];
}

export interface Insight {
  readonly id: number;
  readonly title: string;
  readonly problem: string;
  readonly causes: readonly string[];
  readonly solutions: readonly string[];
  readonly supporters: readonly string[];
  readonly peers: readonly string[];
  readonly keyMessage: string;
  readonly emotions: readonly string[];
  readonly situations: readonly string[];
}

export interface Policy {
  readonly id: number;
  readonly name: string;
  readonly organization: string;
  readonly summary: string;
  readonly link: string;
  readonly phone: string | null;
}

export interface Sources {
  readonly voices: readonly Voice[];
  readonly insights: readonly Insight[];
  readonly policies: readonly Policy[];
}

/** What is known of the user before anything is written for them. */
export interface UserHistory {
  /** The summary of the latest persona; null for a first session. */
  readonly lastPersona: string | null;
  /** Quotes from the user's recent sessions, so that the next one brings others. */
  readonly shownQuotes: readonly string[];
}
