// An OPC UA client of others: what it finds at a server, as JSON on stdout.
//
//     node read.js '{"url": ..., "namespace": ..., "path": [...], "start": ..., "end": ...}'
//
// It walks the path by browsing, two references at a time; reads the variable at its end; reads its
// history in parts; asks for the events of `source`; and waits for the first value of a subscription.
const opcua = require('node-opcua-client');
const { OPCUACertificateManager } = require('node-opcua-certificate-manager');

const HIERARCHICAL = opcua.resolveNodeId('HierarchicalReferences');

async function below(session, nodeId) {
    session.requestedMaxReferencesPerNode = 2;
    let result = await session.browse({
        nodeId, referenceTypeId: HIERARCHICAL, includeSubtypes: true,
        browseDirection: opcua.BrowseDirection.Forward, resultMask: 63,
    });
    const found = [...result.references];
    let parts = 1;
    while (result.continuationPoint && result.continuationPoint.length) {
        result = await session.browseNext(result.continuationPoint, false);
        found.push(...result.references);
        parts += 1;
    }
    return { found, parts };
}

async function history(session, nodeId, details) {
    const values = [];
    let continuationPoint, parts = 0;
    do {
        const request = new opcua.HistoryReadRequest({
            historyReadDetails: details, releaseContinuationPoints: false,
            timestampsToReturn: opcua.TimestampsToReturn.Both,
            nodesToRead: [{ nodeId, continuationPoint }],
        });
        const result = (await session.historyRead(request)).results[0];
        if (result.statusCode.isBad()) throw new Error(result.statusCode.toString());
        const data = result.historyData;
        values.push(...((data && (data.dataValues || data.events)) || []));
        continuationPoint = result.continuationPoint;
        parts += 1;
    } while (continuationPoint && continuationPoint.length);
    return { values, parts };
}

function told(value) {
    return [value.sourceTimestamp.toISOString(), value.statusCode.isGood() ? 'good' :
        value.statusCode.isBad() ? 'bad' : 'uncertain', value.value ? value.value.value : null];
}

async function firstChange(session, nodeId) {
    const subscription = await session.createSubscription2({
        requestedPublishingInterval: 50, requestedLifetimeCount: 1000,
        requestedMaxKeepAliveCount: 10, publishingEnabled: true,
    });
    const item = await subscription.monitor({ nodeId, attributeId: opcua.AttributeIds.Value },
        { samplingInterval: 50, queueSize: 10 }, opcua.TimestampsToReturn.Both);
    const value = await new Promise(resolve => item.once('changed', resolve));
    await subscription.terminate();
    return told(value);
}

async function main(asked) {
    const secured = asked.certificateFile !== undefined;
    const client = opcua.OPCUAClient.create({
        applicationUri: asked.applicationUri, endpointMustExist: false,
        connectionStrategy: { maxRetry: 0 },
        ...(secured ? {
            securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
            securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
            certificateFile: asked.certificateFile, privateKeyFile: asked.privateKeyFile,
            clientCertificateManager: new OPCUACertificateManager({
                rootFolder: asked.folder, automaticallyAcceptUnknownCertificate: true,
            }),
        } : {}),
    });
    await client.connect(asked.url);
    const session = await client.createSession(asked.user === undefined ? undefined : {
        type: opcua.UserTokenType.UserName, userName: asked.user, password: asked.password,
    });
    const namespaces = await session.readNamespaceArray();
    const index = namespaces.indexOf(asked.namespace);
    let nodeId = opcua.resolveNodeId('ObjectsFolder'), source, parts = 0;
    for (const name of asked.path) {
        const step = await below(session, nodeId);
        parts = Math.max(parts, step.parts);
        const next = step.found.find(each => each.browseName.namespaceIndex === index &&
            each.browseName.name === name);
        if (next === undefined) throw new Error(`there is no ${name}`);
        if (asked.source === name) source = next.nodeId;
        nodeId = next.nodeId;
    }
    const value = await session.read({ nodeId, attributeId: opcua.AttributeIds.Value });
    const unit = (await below(session, nodeId)).found.find(each =>
        each.browseName.name === 'EngineeringUnits');
    const units = await session.read({ nodeId: unit.nodeId, attributeId: opcua.AttributeIds.Value });
    const path = '/' + asked.path.map(each =>
        `${index}:${each.replace(/[/.<>:#!&]/g, '&$&')}`).join('/');
    const byPath = await session.translateBrowsePath(opcua.makeBrowsePath('ObjectsFolder', path));
    const window = { startTime: new Date(asked.start), endTime: new Date(asked.end) };
    const answer = {
        parts, now: told(value), unit: units.value.value.displayName.text,
        samePath: byPath.targets[0].targetId.toString() === nodeId.toString(),
        changed: await firstChange(session, nodeId),
    };
    if (asked.history) {
        const found = await history(session, nodeId, new opcua.ReadRawModifiedDetails({
            ...window, isReadModified: false, numValuesPerNode: 0, returnBounds: false }));
        answer.history = found.values.map(told);
        answer.historyParts = found.parts;
    }
    if (source !== undefined) {
        const fields = asked.fields.map(name => ({
            typeDefinitionId: opcua.coerceNodeId(`ns=${index};s=type:${asked.type}`),
            browsePath: [{ namespaceIndex: name === 'Time' ? 0 : index, name }],
            attributeId: opcua.AttributeIds.Value,
        }));
        const found = await history(session, source, new opcua.ReadEventDetails({
            ...window, numValuesPerNode: 0, filter: { selectClauses: fields } }));
        answer.events = found.values.map(each => each.eventFields.map(field => field.value));
    }
    await session.close();
    await client.disconnect();
    console.log(JSON.stringify(answer));
}

main(JSON.parse(process.argv[2])).catch(error => { console.error(error.stack); process.exit(1); });
