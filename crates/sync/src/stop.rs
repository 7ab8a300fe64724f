//! A wish to stop, made in one task and heard in others.

use tokio::sync::watch;

/// Hears whether somebody asked to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Asks everything that holds the other half to stop.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// Both halves.
pub fn stop_switch() -> (StopSwitch, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSwitch(sender), Stop(receiver))
}

impl StopSwitch {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns as soon as somebody has asked to stop; never, when the switch is gone.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
