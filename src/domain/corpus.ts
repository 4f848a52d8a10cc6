/** What a writer draws from: written by us, except policies and articles, which are real. */

export interface Voice {
  readonly id: number;
  /** A quote in the first person, not attributed to a real person. */
  readonly text: string;
  readonly speaker: string;
  /** What the writer says to the user after the quote. */
  readonly echo: string;
  readonly emotions: readonly string[];
  readonly situations: readonly string[];
  /** Where the quote was printed. A voice of our own has none, and nothing stands in for it. */
  readonly article?: NewsArticle;
}

/** A real article of a real paper, as a card names it under the words that it took from there. */
export interface NewsArticle {
  readonly id: string;
  readonly title: string;
  /** The paper or broadcaster. */
  readonly provider: string;
  /** Of its publication, as YYYY-MM-DD. */
  readonly date: string;
  readonly link: string;
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
  /** A sentence, or a note that ends in a noun, as offices write them. */
  readonly summary: string;
  readonly link: string;
  readonly phone: string | null;
}

/** A policy as an outside source has it. */
export interface SyncedPolicy extends Omit<Policy, 'id' | 'phone'> {
  /** The source's own id. */
  readonly policyNo: string;
  /** The minor tags that it may help with. */
  readonly tagIds: readonly number[];
  /** The last day on which one may apply, as YYYY-MM-DD in Korea; null when it is not known. */
  readonly openUntil: string | null;
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
