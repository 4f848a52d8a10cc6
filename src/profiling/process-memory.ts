import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { metrics } from '@opentelemetry/api';

/** How much memory this process takes, and how much it may: the container's limit, and that of V8's heap. */
export function observeMemory(): void {
  const meter = metrics.getMeter('meari');
  const usage = meter.createObservableUpDownCounter('process.memory.usage', {
    description: 'Memory of the process that is in physical memory (RSS).',
    unit: 'By',
  });
  const limit = meter.createObservableGauge('meari.process.memory.limit', {
    description:
      'Memory that the process may take: the limit of its container (cgroup), else that of the machine.',
    unit: 'By',
  });
  const heapUsed = meter.createObservableGauge('meari.process.heap.used', {
    description: "What V8's heap holds, garbage that is not collected yet included.",
    unit: 'By',
  });
  const heapLimit = meter.createObservableGauge('meari.process.heap.limit', {
    description: "What V8's heap may hold; the process ends when it needs more.",
    unit: 'By',
  });
  const limitBytes = memoryLimit();
  meter.addBatchObservableCallback(
    (result) => {
      const { used_heap_size, heap_size_limit } = getHeapStatistics();
      result.observe(usage, process.memoryUsage.rss());
      result.observe(limit, limitBytes);
      result.observe(heapUsed, used_heap_size);
      result.observe(heapLimit, heap_size_limit);
    },
    [usage, limit, heapUsed, heapLimit],
  );
}

/** A cgroup without a limit tells none, or one beyond all memory. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
