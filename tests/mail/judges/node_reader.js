// Reads messages with Node's mailparser, one after the other, and tells what it saw.
// In and out: a length of four bytes, then so many bytes; in a message, out a JSON object.
'use strict';

const crypto = require('crypto');
const { MailParser } = require('mailparser');

const GIVE_UP_AFTER = 60000; // milliseconds; a parser that stands still is told, not waited for

const sha256 = data => crypto.createHash('sha256').update(data).digest('hex');

function rawFields(lines) {
    // An empty header is given as one empty line.
    return (lines || []).filter(({ line }) => line.trim()).map(({ line }) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1)];
    });
}

function describe(node, depth, attachments, parts) {
    const type = node.contentType || 'text/plain';
    const attachment = node.isAttachment && !node.node.messageNode ? attachments.shift() : null;
    const text = typeof node.textContent === 'string' ? node.textContent : null;
    parts.push({
        depth,
        type,
        filename: node.node.filename || '',
        disposition: node.node.disposition || '',
        digest: attachment ? attachment.checksum || '' : text === null ? '' : sha256(text),
        text,
        headers: rawFields(node.headerLines || []),
    });
    for (const child of node.children) describe(child, depth + 1, attachments, parts);
}

function read(message) {
    return new Promise(resolve => {
        const errors = [];
        const attachments = [];
        const parser = new MailParser({ checksumAlgo: 'sha256', skipTextLinks: true });
        let told = false;
        const finish = () => {
            if (told) return;
            told = true;
            clearTimeout(timer);
            const parts = [];
            if (parser.tree) describe(parser.tree, 0, attachments, parts);
            resolve({ parts, errors });
        };
        const timer = setTimeout(() => {
            errors.push('stood still');
            finish();
        }, GIVE_UP_AFTER);
        parser.on('data', data => {
            if (data.type !== 'attachment') return;
            attachments.push(data);
            data.content.on('data', () => {});
            data.content.on('error', error => errors.push(error.message));
            data.content.on('end', () => data.release());
        });
        parser.on('error', error => {
            errors.push(error.message);
            finish();
        });
        parser.on('end', finish);
        parser.end(message);
    });
}

function answer(reading) {
    const body = Buffer.from(JSON.stringify(reading));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    process.stdout.write(Buffer.concat([length, body]));
}

async function serve() {
    let pending = [];
    let held = 0;
    for await (const chunk of process.stdin) {
        pending.push(chunk);
        held += chunk.length;
        for (;;) {
            if (held < 4) break;
            const whole = pending.length === 1 ? pending[0] : Buffer.concat(pending, held);
            pending = [whole];
            const end = 4 + whole.readUInt32BE(0);
            if (held < end) break;
            pending = [whole.subarray(end)];
            held -= end;
            answer(await read(whole.subarray(4, end)));
        }
    }
}

serve();
