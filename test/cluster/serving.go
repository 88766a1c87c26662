package cluster

// AuthorityFile is the path of the certificate of the authority that signs the
// cluster's clients and the API server.
func (c *Cluster) AuthorityFile() string { return c.cert(clusterCA) }

// ServingCertificateFor writes NAME.crt and NAME.key into a folder: a certificate
// of the cluster's authority for a server with these names and addresses.
func (c *Cluster) ServingCertificateFor(dir, name string, names ...string) error {
	signer, err := loadAuthority(c.path("pki"), clusterCA)
	if err != nil {
		return err
	}
	issued, err := signer.issue(identity{user: name, names: names})
	if err != nil {
		return err
	}
	return issued.save(dir, name)
}
