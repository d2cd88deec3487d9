// Two questions for readings; for each a line: pages, values, the first and the last of them.
const soap = require('soap');
const [address, type, from, to] = process.argv.slice(-4);
const list = (found) => (found === undefined ? [] : [].concat(found));
const time = (seconds) => new Date(seconds * 1000).toISOString();

async function ask(client, meter) {
    let pages = 0, id = [];
    const values = [];
    do {
        const [reply] = await client.GetMeterReadingsAsync({
            Header: { Verb: 'get', Noun: 'MeterReadings' },
            Request: {
                StartTime: time(from), EndTime: time(to), ID: id,
                GetMeterReadings: {
                    EndDevice: [{ Names: [{ name: meter }] }],
                    ReadingType: [{ Names: [{ name: type }] }],
                },
            },
        });
        if (reply.Reply.Result === 'FAILED') return `FAILED ${list(reply.Reply.Error)[0].code}`;
        pages++;
        for (const reading of list(reply.Payload.MeterReadings.MeterReading))
            for (const block of list(reading.IntervalBlocks))
                for (const value of list(block.IntervalReadings)) values.push(value.value);
        id = list(reply.Reply.ID).map((page) => ({
            attributes: { objectType: page.attributes.objectType }, $value: page.$value,
        }));
    } while (id.length);
    return [pages, values.length, values[0], values[values.length - 1]].join(' ');
}

(async () => {
    const client = await soap.createClientAsync(`${address}?wsdl`);
    for (const meter of ['M1', 'M9']) console.log(await ask(client, meter));
})().catch((error) => { console.error(error.body || error); process.exit(1); });
