import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { effectOf, fingerprintSql } from '../../../src/profiling/capture/sql-fingerprint.ts';

describe('fingerprint of a statement', () => {
  for (const [given, expected] of [
    ['select * from "t1" where id = $1', 'select * from "t1" where id = ?'],
    ['select 1,  -2.5e3\n from t', 'select ?, ? from t'],
    ["insert into t values ('it''s', E'a\\'b', $$x'y$$, $tag$ z $tag$)", 'insert into t values (?)'],
    ["select 'a\\' , 'secret'", 'select ? , ?'],
    ['insert into t (a) values ($1, $2), ($3, $4), ($5, $6)', 'insert into t (a) values (?)'],
    ['select * from t where id in (1, 2, 3)', 'select * from t where id in (?)'],
    ['select a -- who: 홍길동\n from t /* secret */', 'select a from t'],
    ["select 'never closed", 'select ?'],
    ['select "my col 1", t2.a1 from t2', 'select "my col 1", t2.a1 from t2'],
  ] as const) {
    test(given, () => assert.equal(fingerprintSql(given), expected));
  }

  test('holds no literal, whatever is in it', () => {
    const literal = fc.string({ unit: 'grapheme' }).map((text) => `${text}SECRET${text}`);
    fc.assert(
      fc.property(literal, literal, (a, b) => {
        const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
        const sql = `select * from t where a = ${quote(a)} and b = ${quote(b)}`;
        assert.equal(fingerprintSql(sql), 'select * from t where a = ? and b = ?');
      }),
    );
  });

  for (const [statement, reads, tables] of [
    ['select * from a join b on ? = ?', true, ['a', 'b']],
    ['update "a" set x = ?', false, ['a']],
    ['with w as (select ? from a) insert into b select * from w', false, ['a', 'b', 'w']],
    ['select * from a where id = ? for no key update', false, ['a']],
    ['BEGIN;', false, []],
    ['call something(?)', false, undefined],
  ] as const) {
    test(`effect of ${statement}`, () => {
      const effect = effectOf(statement);
      assert.equal(effect.reads, reads);
      assert.deepEqual(effect.tables, tables);
    });
  }

  for (const [statement, summary] of [
    ['select * from "voices" where id = ?', 'SELECT voices'],
    ['insert into cards (id) values (?)', 'INSERT cards'],
    ['BEGIN;', 'BEGIN'],
    ['with chosen as (select * from policies where id = ?) select * from chosen', 'SELECT policies'],
    [
      'with held as (select id from sessions where id = ? for no key update) insert into steps select id from held',
      'INSERT steps',
    ],
    ['with gone as (delete from "things" where id = ? returning id) select * from gone', 'DELETE things'],
  ] as const) {
    test(`${statement}: ${summary}`, () => {
      assert.equal(effectOf(statement).summary, summary);
    });
  }
});
