export const SESSIONS = '/api/v1/meari/sessions';
