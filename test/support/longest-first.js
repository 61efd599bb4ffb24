import Sequencer from '@jest/test-sequencer';

/** A fresh clone knows no durations, and Jest then goes by size: a suite of whole runs begun last would leave a core idle. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const isLong = ({ path }) => /\/end-to-end\/|\/real-run\.|\/memory\./.test(path);
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
