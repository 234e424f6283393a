// The order of what runs two at a time: first the two that take longest, of which the one makes the images of services
// that stages then find in the engine; then stages, so that short suites fill the end. Within both it is jest's: what
// took longest the last time, else what is the largest.
const Sequencer = require('@jest/test-sequencer').default;

const first = /(auxiliary-types\.contract|e2e\/system)\.test\.ts$/;

function turn({ path, context }) {
  if (first.test(path)) return 0;
  return context.config.displayName?.name === 'e2e' ? 1 : 2;
}

module.exports = class extends Sequencer {
  sort(tests) {
    // Sorting is stable.
    return super.sort(tests).sort((a, b) => turn(a) - turn(b));
  }
};
