/** Goes up with every change to a prompt or to the schema of an answer: spans tell by it which one was used. */
export const PROMPT_VERSION = '2';
