"""The registry by SOAP: MeterConfig, EndDeviceConfig, UsagePointConfig, MasterDataLinkageConfig.

desk        takes create, change and delete, once each
judging     what of a message can be judged by itself
devices points linkages     what each noun does, object by object
device_said what a message says of one device
asking      answers GetMeterConfig and the like, in pages
finding     the objects that a question is about
showing     the registry as these nouns tell it
told        what a system tells of an object besides what the registry acts upon
refusals    why something is not done, in the codes of IEC 61968-9
"""
