'use strict';
// Stands for a process that takes work from a queue: it has no port.
const instance = process.env.GILLIAM_INSTANCE || 'worker';
const release = process.env.GILLIAM_RELEASE || 'no release';

let jobs = 0;
console.log('%s of %s is waiting for work', instance, release);
const timer = setInterval(() => console.log('job %d done', ++jobs), 5000);

process.on('SIGTERM', () => {
  console.log('stopping after %d jobs', jobs);
  clearInterval(timer);
});
