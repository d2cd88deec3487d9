// Limits two meters to 1.5 kW: the reply's result, code and transaction.
#include "soapExecuteEndDeviceControls_USCOREBindingProxy.h"
#include "ExecuteEndDeviceControls_USCOREBinding.nsmap"
#include <iostream>

int main(int argc, char **argv) {
    ExecuteEndDeviceControls_USCOREBindingProxy proxy(argv[1]);
    struct soap *soap = proxy.soap;
    ns2__EndDeviceControlsRequestMessageType request;
    ns2__EndDeviceControlsResponseMessageType reply;
    request.soap_default(soap);
    std::string source = "COMERCIAL", message = argv[2], correlation = argv[3];
    bool later = true;
    request.Header = soap_new_ns3__HeaderType(soap);
    request.Header->Verb = ns3__VerbType::create;
    request.Header->Noun = "EndDeviceControls";
    request.Header->Source = &source;
    request.Header->AsyncReplyFlag = &later;
    request.Header->MessageID = &message;
    request.Header->CorrelationID = &correlation;
    std::string type = "3.31.139.13";
    ns4__EndDeviceControl *control = soap_new_ns4__EndDeviceControl(soap);
    control->EndDeviceControlType = soap_new_ns4__EndDeviceControlTypeReference(soap);
    control->EndDeviceControlType->ref = &type;
    const char *attributes[] = {"powerLimit", "1.5", "powerLimit.unit", "kW"};
    for (int i = 0; i < 4; i += 2) {
        ns4__EndDeviceControlAttribute *made = soap_new_ns4__EndDeviceControlAttribute(soap);
        made->name = attributes[i];
        made->value = attributes[i + 1];
        control->EndDeviceControlAttribute.push_back(made);
    }
    control->EndDevices.push_back(soap_new_ns4__EndDevice(soap));
    for (const char *name : {"90000001", "90000002"}) {
        ns4__Name *made = soap_new_ns4__Name(soap);
        made->name = name;
        control->EndDevices[0]->Names.push_back(made);
    }
    ns4__EndDeviceControls *controls = soap_new_ns4__EndDeviceControls(soap);
    controls->EndDeviceControl.push_back(control);
    request.Payload = soap_new_ns2__EndDeviceControlsPayloadType(soap);
    request.Payload->ns4__EndDeviceControls_.push_back(controls);
    if (proxy.CreateEndDeviceControls(&request, reply) != SOAP_OK) {
        proxy.soap_stream_fault(std::cerr);
        return 1;
    }
    std::cout << (reply.Reply->Result == _ns3__ReplyType_Result::OK ? "OK" : "not OK") << " "
              << reply.Reply->Error[0]->code << " " << reply.Reply->ID[0]->__item << std::endl;
}
