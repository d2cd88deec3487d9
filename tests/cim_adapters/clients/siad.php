<?php
// Four questions to SIAD; for each a line: pages, instances, their first keys.
ini_set('soap.wsdl_cache_enabled', '0');
$client = new SoapClient("$argv[1]?wsdl", ['features' => SOAP_SINGLE_ELEMENT_ARRAYS]);

function ask($client, $noun, $property = [], $options = []) {
    $pages = $count = 0;
    $keys = [];
    $id = [];
    do {
        $reply = $client->GetSIAD([
            'Header' => ['Verb' => 'get', 'Noun' => $noun, 'Property' => $property],
            'Request' => ['Option' => $options, 'ID' => $id],
        ]);
        if ($reply->Reply->Result === 'FAILED') {
            return 'FAILED ' . $reply->Reply->Error[0]->code;
        }
        $pages++;
        foreach (get_object_vars($reply->Payload->SIAD) as $instances) {
            foreach ((array) $instances as $instance) {
                if ($count++ < 4) $keys[] = $instance->mRID;
            }
        }
        $id = array_map(
            fn($page) => ['_' => $page->_, 'objectType' => $page->objectType],
            $reply->Reply->ID ?? []);
    } while ($id);
    return trim("$pages $count " . implode(' ', $keys));
}

$option = fn($name, $value) => [['name' => $name, 'value' => $value]];
foreach ([
    ask($client, 'CFE_ServiceRequest'),
    ask($client, 'Substation', [], $option('aliasName', 'VEN')),
    ask($client, 'Substation', [['Name' => 'asociacion']], $option('Feeders', 'VEN')),
    ask($client, 'Coffee'),
] as $line) {
    echo "$line\n";
}
