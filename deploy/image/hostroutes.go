package image

// HostroutesPath is where the program is: the place that manifests of 2017 name.
const HostroutesPath = "/hostroutes"

// Hostroutes is the image of hostroutes: the static program source and nothing
// else. It speaks with the cluster's API server only, whose authority it is given.
// Its user has no rights; the manifest gives the one that it needs.
func Hostroutes(source, architecture, version string) (Spec, error) {
	program, err := Program(HostroutesPath, source, architecture)
	if err != nil {
		return Spec{}, err
	}
	return specOf(HostroutesPath, architecture, version, program), nil
}
