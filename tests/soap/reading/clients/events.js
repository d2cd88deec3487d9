// The types of M1's events, in their order.
const soap = require('soap');
const [address] = process.argv.slice(-1);
const list = (found) => (found === undefined || found === null ? [] : [].concat(found));

(async () => {
    const client = await soap.createClientAsync(`${address}?wsdl`);
    const types = [];
    let id = [];
    do {
        const [reply] = await client.GetEndDeviceEventsAsync({
            Header: { Verb: 'get', Noun: 'EndDeviceEvents', Source: 'MDM' },
            Request: { ID: id, GetEndDeviceEvents: { EndDevice: { Names: { name: 'M1' } } } },
        });
        for (const event of list(reply.Payload.EndDeviceEvents.EndDeviceEvent))
            types.push(event.EndDeviceEventType.attributes.ref);
        id = list(reply.Reply.ID).map((page) => ({
            attributes: { objectType: page.attributes.objectType }, $value: page.$value,
        }));
    } while (id.length);
    console.log(types.join(' '));
})().catch((error) => { console.error(error.body || error); process.exit(1); });
