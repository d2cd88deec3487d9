<?php
// The types of M1's events, in their order.
ini_set('soap.wsdl_cache_enabled', '0');
$client = new SoapClient("$argv[1]?wsdl", ['features' => SOAP_SINGLE_ELEMENT_ARRAYS]);
$types = $ids = [];
do {
    $reply = $client->GetEndDeviceEvents([
        'Header' => ['Verb' => 'get', 'Noun' => 'EndDeviceEvents', 'Source' => 'MDM'],
        'Request' => [
            'ID' => $ids,
            'GetEndDeviceEvents' => ['EndDevice' => [['Names' => [['name' => 'M1']]]]]],
    ]);
    foreach ($reply->Payload->EndDeviceEvents->EndDeviceEvent as $event) {
        $types[] = $event->EndDeviceEventType->ref;
    }
    $ids = array_map(
        fn($page) => ['_' => $page->_, 'objectType' => $page->objectType], $reply->Reply->ID ?? []);
} while ($ids);
echo implode(' ', $types), "\n";
