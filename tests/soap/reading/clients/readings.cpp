// Two questions for readings; for each a line: pages, values, the first and the last of them.
#include "soapGetMeterReadings_USCOREBindingProxy.h"
#include "GetMeterReadings_USCOREBinding.nsmap"
#include <iostream>

static int ask(const char *address, const char *meter, const char *type, time_t from, time_t to) {
    size_t pages = 0, count = 0;
    std::string page, first, last;
    for (bool more = true; more; pages++) {
        GetMeterReadings_USCOREBindingProxy proxy(address);
        struct soap *soap = proxy.soap;
        ns2__GetMeterReadingsRequestMessageType request;
        ns2__MeterReadingsResponseMessageType reply;
        request.soap_default(soap);
        request.Header = soap_new_ns3__HeaderType(soap);
        request.Header->Verb = ns3__VerbType::get;
        request.Header->Noun = "MeterReadings";
        request.Request = soap_new_ns2__GetMeterReadingsRequestType(soap);
        request.Request->StartTime = &from;
        request.Request->EndTime = &to;
        ns5__GetMeterReadings *asked = soap_new_ns5__GetMeterReadings(soap);
        asked->EndDevice.push_back(soap_new_ns5__EndDevice(soap));
        asked->EndDevice[0]->Names.push_back(soap_new_ns5__Name(soap));
        asked->EndDevice[0]->Names[0]->name = meter;
        asked->ReadingType.push_back(soap_new_ns5__ReadingType(soap));
        asked->ReadingType[0]->Names.push_back(soap_new_ns5__Name(soap));
        asked->ReadingType[0]->Names[0]->name = type;
        request.Request->ns5__GetMeterReadings_ = asked;
        if (!page.empty()) {
            ns3__IdentifierType *id = soap_new_ns3__IdentifierType(soap);
            id->__item = page;
            id->objectType = soap_new_std__string(soap);
            *id->objectType = "Pagina";
            request.Request->ID.push_back(id);
        }
        if (proxy.GetMeterReadings(&request, reply) != SOAP_OK) {
            proxy.soap_stream_fault(std::cerr);
            return 1;
        }
        if (reply.Reply->Result == _ns3__ReplyType_Result::FAILED) {
            std::cout << "FAILED " << reply.Reply->Error[0]->code << std::endl;
            return 0;
        }
        for (auto *reading : reply.Payload->ns4__MeterReadings_->MeterReading)
            for (auto *block : reading->IntervalBlocks)
                for (auto *value : block->IntervalReadings) {
                    if (count++ == 0) first = *value->value;
                    last = *value->value;
                }
        more = !reply.Reply->ID.empty();
        page = more ? reply.Reply->ID[0]->__item : "";
    }
    std::cout << pages << " " << count << " " << first << " " << last << std::endl;
    return 0;
}

int main(int argc, char **argv) {
    time_t from = atol(argv[3]), to = atol(argv[4]);
    return ask(argv[1], "M1", argv[2], from, to) || ask(argv[1], "M9", argv[2], from, to);
}
