<?php
// Two questions for readings; for each a line: pages, values, the first and the last of them.
ini_set('soap.wsdl_cache_enabled', '0');
[, $address, $type, $from, $to] = $argv;
$client = new SoapClient("$address?wsdl", ['features' => SOAP_SINGLE_ELEMENT_ARRAYS]);

foreach (['M1', 'M9'] as $meter) {
    $pages = 0;
    $values = $id = [];
    do {
        $reply = $client->GetMeterReadings([
            'Header' => ['Verb' => 'get', 'Noun' => 'MeterReadings'],
            'Request' => [
                'StartTime' => gmdate('Y-m-d\TH:i:s\Z', $from),
                'EndTime' => gmdate('Y-m-d\TH:i:s\Z', $to),
                'ID' => $id,
                'GetMeterReadings' => [
                    'EndDevice' => [['Names' => [['name' => $meter]]]],
                    'ReadingType' => [['Names' => [['name' => $type]]]],
                ],
            ],
        ]);
        if ($reply->Reply->Result === 'FAILED') {
            echo 'FAILED ', $reply->Reply->Error[0]->code, "\n";
            continue 2;
        }
        $pages++;
        foreach ($reply->Payload->MeterReadings->MeterReading as $reading)
            foreach ($reading->IntervalBlocks as $block)
                foreach ($block->IntervalReadings as $value) $values[] = $value->value;
        $id = array_map(
            fn($page) => ['_' => $page->_, 'objectType' => $page->objectType],
            $reply->Reply->ID ?? []);
    } while ($id);
    echo implode(' ', [$pages, count($values), $values[0], end($values)]), "\n";
}
