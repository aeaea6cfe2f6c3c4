//! Sockets that `plimsoll serve` listens on.

use std::{
    collections::BTreeSet,
    io,
    net::{SocketAddr, ToSocketAddrs},
};

use anyhow::{Context, Result, bail};

use crate::{
    endpoint::Place,
    server::{Listener, ServerTls, bind},
};

/// Listeners, and their addresses for clients.
pub(super) struct Listening {
    pub(super) listeners: Vec<Listener>,
    pub(super) addresses: Vec<String>,
}

/// Listens on every address of the names. The addresses of one name share one port, even if it is a free one.
pub(super) fn listen(names: &[String], tls: Option<&ServerTls>) -> Result<Listening> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    let secured = |listener: Listener| listener.with_tls(tls.cloned());
    for name in names {
        if let Some(place) = Place::of_unix_name(name) {
            let place = place.map_err(|reason| {
                anyhow::anyhow!(
                    "`{name}` is no place to listen at: {reason}; write unix:PATH, such as unix:/run/app.sock"
                )
            })?;
            listeners.push(secured(listen_unix(&place)?));
            addresses.push(place.to_string());
            continue;
        }
        let resolved: BTreeSet<SocketAddr> = name
            .to_socket_addrs()
            .with_context(|| {
                format!(
                    "cannot find an address for `{name}`; write a host and a port, such as `localhost:8080`"
                )
            })?
            .collect();
        let mut port = None;
        let mut bound = 0;
        let mut missing = None;
        for mut address in resolved {
            if let Some(port) = port.filter(|_| address.port() == 0) {
                address.set_port(port);
            }
            match bind(address) {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    port = Some(address.port());
                    addresses.push(address.to_string());
                    listeners.push(secured(listener.into()));
                    bound += 1;
                }
                // A machine without IPv6 still resolves names to ::1.
                Err(error) if is_missing(&error) => {
                    missing = Some((address, error));
                }
                Err(error) => bail!(cannot_listen(address, &error)),
            }
        }
        if let (0, Some((address, error))) = (bound, missing) {
            bail!(cannot_listen(address, &error));
        }
    }
    Ok(Listening { listeners, addresses })
}

fn listen_unix(place: &Place) -> Result<Listener> {
    let listener = match place {
        Place::Unix(path) => Listener::unix(path),
        #[cfg(target_os = "linux")]
        Place::UnixAbstract(name) => Listener::unix_abstract(name),
        _ => Err(io::ErrorKind::Unsupported.into()),
    };
    listener.map_err(|error| {
        let way_out = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; a server listens there, or another file is in the way: end it, or choose another path"
            }
            io::ErrorKind::NotFound => "; make its folder first",
            io::ErrorKind::PermissionDenied => "; choose a folder that this user can write",
            _ => "",
        };
        anyhow::anyhow!("cannot listen on {place}: {error}{way_out}")
    })
}

/// Returns true if the machine does not have the address, or no addresses of that kind.
fn is_missing(error: &io::Error) -> bool {
    if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::AddrNotAvailable
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; end the process that listens there, or choose another port with --listen (port 0 for a free one)"
        }
        io::ErrorKind::PermissionDenied => "; choose a port from 1024 on with --listen",
        io::ErrorKind::AddrNotAvailable => "; choose an address of this machine with --listen",
        _ => "",
    };
    format!("cannot listen on {address}: {error}{way_out}")
}
