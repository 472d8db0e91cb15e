"""The AWS API of the sandbox: moto as the host, own backends where moto is wrong or silent."""
