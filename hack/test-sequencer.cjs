// The order of what is not alone: whole stages first, as they take longest, so that short suites fill the end of a run
// of two at a time. Within both it is jest's: what took longest the last time, else what is the largest.
const Sequencer = require('@jest/test-sequencer').default;

module.exports = class extends Sequencer {
  sort(tests) {
    const isWhole = ({ context }) => context.config.displayName?.name === 'e2e';
    const sorted = super.sort(tests);
    return [...sorted.filter(isWhole), ...sorted.filter((test) => !isWhole(test))];
  }
};
