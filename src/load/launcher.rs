//! The engine that started this process as one of several: its number, from the environment.

use super::shard::{Shard, ShardError};

/// Engine that numbers its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Launcher {
    /// `PLIMSOLL_SHARD` and `PLIMSOLL_SHARDS`.
    Variables,
    /// Open MPI's `mpirun`.
    OpenMpi,
    /// A launcher with PMI: MPICH's `mpiexec`, or `srun --mpi=pmi2`.
    Pmi,
    /// A step of Slurm: `srun`.
    SlurmStep,
    /// An element of a Slurm array.
    SlurmArray,
    /// An Indexed Job of Kubernetes.
    KubernetesJob,
}

impl Launcher {
    /// Name for people and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Variables => "PLIMSOLL_SHARD",
            Self::OpenMpi => "Open MPI",
            Self::Pmi => "PMI",
            Self::SlurmStep => "Slurm step",
            Self::SlurmArray => "Slurm array",
            Self::KubernetesJob => "Kubernetes Job",
        }
    }
}

/// Reason why the environment names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LauncherError {
    /// No engine is known.
    #[error(
        "--shard auto finds no launcher; write --shard I/N, or start it with srun, mpirun or an Indexed Job"
    )]
    None,
    /// A batch script is not a step.
    #[error(
        "--shard auto finds a Slurm job of {tasks} tasks, but srun did not start this process, so it would be shard 0 alone; write: srun plimsoll run --shard auto ..."
    )]
    NoStep {
        /// Number of tasks of the job.
        tasks: String,
    },
    /// The engine does not tell how many processes there are.
    #[error(
        "--shard auto finds {variable}={index} and no number of shards; write --shard auto/N, or set PLIMSOLL_SHARDS"
    )]
    NoCount {
        /// Variable with the number of this process.
        variable: &'static str,
        /// Its value.
        index: String,
    },
    /// A variable is no number.
    #[error("--shard auto finds {variable}=`{value}`, which is no number; write --shard I/N")]
    NotANumber {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The number of shards is another one.
    #[error("--shard auto/{typed} finds {found} shards ({launcher}); the two must agree")]
    OtherCount {
        /// The number on the command line.
        typed: u64,
        /// The launcher's number.
        found: u64,
        /// Name of the launcher.
        launcher: &'static str,
    },
    /// The numbers make no shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// Finds the shard of this process. `look_up` returns the value of an environment variable; `typed` is the number of
/// shards on the command line.
///
/// The order of the engines matters. In a Slurm job, `mpirun` starts ranks of its own, and Slurm's variables name the
/// daemons that it started them with.
///
/// # Errors
/// No engine is known, or its variables do not name a shard.
pub fn detect(
    look_up: impl Fn(&str) -> Option<String>,
    typed: Option<u64>,
) -> Result<(Shard, Launcher), LauncherError> {
    let number = |variable: &'static str| match look_up(variable) {
        None => Ok(None),
        Some(value) => value
            .trim()
            .parse::<u64>()
            .map(Some)
            .map_err(|_| LauncherError::NotANumber { variable, value: value.escape_debug().to_string() }),
    };
    let shards = number("PLIMSOLL_SHARDS")?;
    let (index, of, launcher) = if let Some(index) = number("PLIMSOLL_SHARD")? {
        (("PLIMSOLL_SHARD", index), shards, Launcher::Variables)
    } else if let Some(rank) = number("OMPI_COMM_WORLD_RANK")? {
        (("OMPI_COMM_WORLD_RANK", rank), number("OMPI_COMM_WORLD_SIZE")?, Launcher::OpenMpi)
    } else if let Some(rank) = number("PMI_RANK")? {
        (("PMI_RANK", rank), number("PMI_SIZE")?, Launcher::Pmi)
    } else if look_up("SLURM_STEP_ID").is_some()
        && let Some(index) = number("SLURM_PROCID")?
    {
        (("SLURM_PROCID", index), number("SLURM_STEP_NUM_TASKS")?, Launcher::SlurmStep)
    } else if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let index = id.saturating_sub(first) / step;
        (("SLURM_ARRAY_TASK_ID", index), number("SLURM_ARRAY_TASK_COUNT")?, Launcher::SlurmArray)
    } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
        (("JOB_COMPLETION_INDEX", index), shards, Launcher::KubernetesJob)
    } else if let Some(tasks) = look_up("SLURM_NTASKS").filter(|tasks| tasks.trim() != "1") {
        return Err(LauncherError::NoStep { tasks: tasks.escape_debug().to_string() });
    } else {
        return Err(LauncherError::None);
    };
    let ((variable, index), found) = (index, of.or(typed));
    let Some(of) = found else {
        return Err(LauncherError::NoCount { variable, index: index.to_string() });
    };
    match typed {
        Some(typed) if typed != of => {
            Err(LauncherError::OtherCount { typed, found: of, launcher: launcher.name() })
        }
        _ => Ok((Shard::new(index, of)?, launcher)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], typed: Option<u64>) -> Result<(Shard, Launcher), String> {
        let look_up = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        detect(look_up, typed).map_err(|error| error.to_string())
    }

    fn shard(index: u64, of: u64) -> Shard {
        Shard { index, of }
    }

    #[test]
    fn each_launcher_is_known_and_the_inner_one_wins() {
        let step = [("SLURM_STEP_ID", "0"), ("SLURM_PROCID", "2"), ("SLURM_STEP_NUM_TASKS", "4")];
        assert_eq!(found(&step, None), Ok((shard(2, 4), Launcher::SlurmStep)));
        let mpirun_in_slurm =
            [&step[..], &[("OMPI_COMM_WORLD_RANK", "5"), ("OMPI_COMM_WORLD_SIZE", "6")]].concat();
        assert_eq!(found(&mpirun_in_slurm, None), Ok((shard(5, 6), Launcher::OpenMpi)));
        let own = [&mpirun_in_slurm[..], &[("PLIMSOLL_SHARD", "1"), ("PLIMSOLL_SHARDS", "3")]].concat();
        assert_eq!(found(&own, None), Ok((shard(1, 3), Launcher::Variables)));
        let pmi = [&step[..], &[("PMI_RANK", "2"), ("PMI_SIZE", "4")]].concat();
        assert_eq!(found(&pmi, None), Ok((shard(2, 4), Launcher::Pmi)));
        let array = [
            ("SLURM_ARRAY_TASK_ID", "5"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
            ("SLURM_NTASKS", "1"),
        ];
        assert_eq!(found(&array, None), Ok((shard(2, 3), Launcher::SlurmArray)));
        let job = [("JOB_COMPLETION_INDEX", "2")];
        assert_eq!(found(&job, Some(8)), Ok((shard(2, 8), Launcher::KubernetesJob)));
        let counted = [("JOB_COMPLETION_INDEX", "2"), ("PLIMSOLL_SHARDS", "4")];
        assert_eq!(found(&counted, None), Ok((shard(2, 4), Launcher::KubernetesJob)));
    }

    #[test]
    fn what_names_no_shard_has_a_way_out() {
        let batch = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        for (variables, typed, words) in [
            (&[][..], None, "finds no launcher; write --shard I/N"),
            (&batch, None, "a Slurm job of 4 tasks, but srun did not start this process"),
            (&[("JOB_COMPLETION_INDEX", "2")], None, "JOB_COMPLETION_INDEX=2 and no number of shards"),
            (&[("PMIX_RANK", "2")], None, "finds no launcher"),
            (&[("PMI_RANK", "2"), ("PMI_SIZE", "4")], Some(8), "auto/8 finds 4 shards (PMI)"),
            (&[("PMI_RANK", "x"), ("PMI_SIZE", "4")], None, "PMI_RANK=`x`, which is no number"),
            (&[("PMI_RANK", "4"), ("PMI_SIZE", "4")], None, "shard 4 of 4 does not exist"),
        ] {
            let error = found(variables, typed).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }
}
