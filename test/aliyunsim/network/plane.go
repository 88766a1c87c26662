package network

// Plane tells where the network of a region is on this machine, as GET
// /admin/dataplane answers it.
type Plane struct {
	// Sandbox is the id in the names of all namespaces.
	Sandbox string `json:"sandbox"`
	// Client is on the internet, Internet its router.
	Client   Place `json:"client"`
	Internet Place `json:"internet"`
	// Servers and VPCs are by id.
	Servers map[string]Place `json:"servers"`
	VPCs    map[string]Place `json:"vpcs"`
}

// Place is a network namespace, with the address of what is in it.
type Place struct {
	Namespace string `json:"namespace"`
	Address   string `json:"address,omitempty"`
}
