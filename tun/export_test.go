package tun

// SwitchOff stops a real device from writing superpackets, as if the kernel
// had refused them.
func SwitchOff(d Device, tso, uso bool) { d.(*device).writer.SwitchOff(tso, uso) }
