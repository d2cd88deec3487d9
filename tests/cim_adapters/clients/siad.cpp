// Four questions to SIAD; for each a line: pages, instances, their first keys.
#include "soapSIAD_USCOREBindingProxy.h"
#include "SIAD_USCOREBinding.nsmap"
#include <iostream>

typedef std::vector<std::string> Texts;

static ns2__OptionType *option(struct soap *soap, const char *name, const char *value) {
    ns2__OptionType *made = soap_new_ns2__OptionType(soap);
    made->name = name;
    made->value = soap_new_std__string(soap);
    *made->value = value;
    return made;
}

static int ask(const char *address, const char *noun, const char *property, Texts options) {
    size_t pages = 0, count = 0;
    std::string page, keys;
    for (bool more = true; more; pages++) {
        SIAD_USCOREBindingProxy proxy(address);
        struct soap *soap = proxy.soap;
        ns4__GetSIADRequestMessageType request;
        ns4__SIADResponseMessageType reply;
        request.soap_default(soap);
        request.Header = soap_new_ns2__HeaderType(soap);
        request.Header->Verb = ns2__VerbType::get;
        request.Header->Noun = noun;
        if (property) {
            request.Header->Property.push_back(soap_new_ns2__MessageProperty(soap));
            request.Header->Property[0]->Name = property;
        }
        request.Request = soap_new_ns2__RequestType(soap);
        for (size_t i = 0; i < options.size(); i += 2)
            request.Request->Option.push_back(
                option(soap, options[i].c_str(), options[i + 1].c_str()));
        if (!page.empty()) {
            ns2__IdentifierType *id = soap_new_ns2__IdentifierType(soap);
            id->__item = page;
            id->objectType = soap_new_std__string(soap);
            *id->objectType = "Pagina";
            request.Request->ID.push_back(id);
        }
        if (proxy.GetSIAD(&request, reply) != SOAP_OK) {
            proxy.soap_stream_fault(std::cerr);
            return 1;
        }
        if (reply.Reply->Result == _ns2__ReplyType_Result::FAILED) {
            std::cout << "FAILED " << reply.Reply->Error[0]->code << std::endl;
            return 0;
        }
        if (reply.Payload && reply.Payload->ns3__SIAD)
            for (auto &each : reply.Payload->ns3__SIAD->__union_SIAD) {
                auto *found = (ns3__IdentifiedObject *)each.union_SIAD.Feeder;
                if (count++ < 4) keys += " " + found->mRID;
            }
        more = !reply.Reply->ID.empty();
        page = more ? reply.Reply->ID[0]->__item : "";
    }
    std::cout << pages << " " << count << keys << std::endl;
    return 0;
}

int main(int argc, char **argv) {
    const char *at = argv[1];
    return ask(at, "CFE_ServiceRequest", NULL, Texts()) ||
           ask(at, "Substation", NULL, Texts{"aliasName", "VEN"}) ||
           ask(at, "Substation", "asociacion", Texts{"Feeders", "VEN"}) ||
           ask(at, "Coffee", NULL, Texts());
}
