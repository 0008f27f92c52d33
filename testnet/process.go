package testnet

import "hyperplane/testnet/lab"

// startProcess starts a part's process inside its namespace and records it.
func startProcess(dir Dir, binary string, part Part) (*lab.Process, error) {
	p, err := lab.Start(part.Namespace(), part.Name, dir.log(part.Name), lab.Command{
		Path: binary, Args: part.args(dir),
		Env:    []string{marker + "=" + part.Name},
		Notify: dir.notify(part.Name),
	})
	if err != nil {
		return nil, err
	}
	if err := writePid(dir, part.Name, p.ID()); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}
