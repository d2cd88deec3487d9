// Four questions to SIAD; for each a line: pages, instances, their first keys.
const soap = require('soap');
const [address] = process.argv.slice(-1);
const list = (found) => (found === undefined ? [] : [].concat(found));

async function ask(client, noun, property, options) {
    let pages = 0, count = 0, id = [];
    const keys = [];
    do {
        const [reply] = await client.GetSIADAsync({
            Header: { Verb: 'get', Noun: noun, Property: property },
            Request: { Option: options, ID: id },
        });
        if (reply.Reply.Result === 'FAILED') return `FAILED ${list(reply.Reply.Error)[0].code}`;
        pages++;
        for (const [name, instances] of Object.entries(reply.Payload.SIAD || {})) {
            if (name === 'attributes') continue;
            for (const instance of list(instances)) if (count++ < 4) keys.push(instance.mRID);
        }
        id = list(reply.Reply.ID).map((page) => ({
            attributes: { objectType: page.attributes.objectType }, $value: page.$value,
        }));
    } while (id.length);
    return [pages, count, ...keys].join(' ');
}

(async () => {
    const client = await soap.createClientAsync(`${address}?wsdl`);
    const option = (name, value) => [{ name, value }];
    console.log(await ask(client, 'CFE_ServiceRequest'));
    console.log(await ask(client, 'Substation', undefined, option('aliasName', 'VEN')));
    console.log(await ask(client, 'Substation', [{ Name: 'asociacion' }], option('Feeders', 'VEN')));
    console.log(await ask(client, 'Coffee'));
})().catch((error) => { console.error(error.body || error); process.exit(1); });
