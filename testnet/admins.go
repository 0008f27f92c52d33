package testnet

// NodeAdmins lists the admin addresses, as unix:/PATH, of the nodes of the
// testnet that is up, spares that run included; none if none is up.
func NodeAdmins() []string {
	dir := DefaultDir()
	t, err := running(dir)
	if err != nil {
		return nil
	}
	var list []string
	for _, p := range t.State.Nodes {
		list = append(list, "unix:"+dir.Admin(p.Name))
	}
	for _, p := range t.Spares {
		if _, runs := findProcess(dir, p.Name); runs {
			list = append(list, "unix:"+dir.Admin(p.Name))
		}
	}
	return list
}
