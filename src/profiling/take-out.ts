/**
 * Takes an entry out of a list of what is under way, where mostly the last that began ends first. A `Set` makes itself
 * a new table each time it becomes empty, and the old ones keep the new ones alive until all of the heap is collected.
 */
export function takeOut<T>(list: T[], entry: T): boolean {
  const last = list.length - 1;
  if (list[last] === entry) {
    list.pop();
    return true;
  }
  const place = list.lastIndexOf(entry, last - 1);
  if (place < 0) return false;
  list.splice(place, 1);
  return true;
}
