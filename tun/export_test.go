package tun

// SwitchOff stops a real device from writing superpackets, as if the kernel
// had refused them.
func SwitchOff(d Device) { d.(*device).writer.SwitchOff(^uint32(0)) }
