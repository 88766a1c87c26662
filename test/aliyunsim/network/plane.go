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
	// Unplugged are the disks that were taken from servers, in this order.
	Unplugged []Unplugged `json:"unplugged,omitempty"`
}

// Unplugged is what happened when a disk was taken from a server.
type Unplugged struct {
	Disk   string `json:"disk"`
	Server string `json:"server"`
	// Used says that it was mounted, or in use otherwise.
	Used bool `json:"used"`
}

// Place is a network namespace, with the addresses of what is in it.
type Place struct {
	Namespace string `json:"namespace"`
	Address   string `json:"address,omitempty"`
	IPv6      string `json:"ipv6,omitempty"`
	// Devices is a folder of a server: it has the dev and the sys in which the
	// server's disks are, by names, links and serial numbers.
	Devices string `json:"devices,omitempty"`
}
