/**
 * Flag of Node that gives bare Express the young generation that what it is compared with has anyway. V8 gives a process
 * more of it when much of what the start allocates stays; bare Express would stay with the least, collect it five times
 * as often, and make whatever is added to it look cheaper.
 */
export const YOUNG_GENERATION = '--min-semi-space-size=16';
