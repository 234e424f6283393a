// The queue of mails, a list in redis: as much of its protocol as that needs.
const { connect } = require('node:net');

function command(...words) {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** One command on a connection of its own; its answer has to be a number. */
function ask(...words) {
  const url = new URL(process.env.QUEUE_URL);
  const login = url.password ? command('AUTH', url.password) : '';
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port || 6379), url.hostname, () =>
      socket.write(login + command(...words)),
    );
    let text = '';
    socket.setTimeout(5000, () => socket.destroy(new Error('redis does not answer')));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
      const number = /^:(\d+)\r\n/m.exec(text);
      const problem = /^-(.*)\r\n/m.exec(text);
      if (!number && !problem) return;
      socket.end();
      if (problem) reject(new Error(`redis: ${problem[1]}`));
      else resolve(Number(number[1]));
    });
  });
}

exports.push = (mail) => ask('RPUSH', 'mails', JSON.stringify(mail));
exports.length = () => ask('LLEN', 'mails');
