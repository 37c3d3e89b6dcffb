// What all attempts in Node share.
'use strict';
const fs = require('fs');
fs.writeFileSync('/proof/begun', String(process.pid));
exports.denied = '/var/task/denied';
exports.secret = '/srv/secret/token';
exports.leak = (text) => fs.writeFileSync('/proof/leak', text);
