/** Values as Grafana writes them, as far as the dashboards have units. */
export function format(value: number, unit: string | undefined, decimals?: number): string {
  const digits = (shown: number) => (decimals === undefined ? threeDigits(shown) : shown.toFixed(decimals));
  switch (unit) {
    case 's':
      return seconds(value, digits);
    case 'bytes':
      return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB'], digits);
    case 'percentunit':
      return `${decimals === undefined ? threeDigits(value * 100) : (value * 100).toFixed(decimals)}%`;
    case 'currencyUSD':
      return `$${value === 0 ? '0' : value.toPrecision(2)}`;
    case 'reqps':
      return `${digits(value)} req/s`;
    case 'ops':
      return `${scaled(value, 1000, ['', 'K', 'M'], digits)} ops/s`.replace('  ', ' ');
    default:
      return digits(value);
  }
}

function seconds(value: number, digits: (shown: number) => string): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${digits(value * 1e6)} µs`;
  if (size < 1) return `${digits(value * 1e3)} ms`;
  return size < 60 ? `${digits(value)} s` : `${digits(value / 60)} min`;
}

function scaled(
  value: number,
  base: number,
  units: readonly string[],
  digits: (shown: number) => string,
): string {
  let [scaledValue, index] = [value, 0];
  while (Math.abs(scaledValue) >= base && index < units.length - 1) {
    scaledValue /= base;
    index += 1;
  }
  return `${digits(scaledValue)} ${units[index]}`.trim();
}

function threeDigits(value: number): string {
  if (value === 0) return '0';
  return String(Number(value.toPrecision(3)));
}
