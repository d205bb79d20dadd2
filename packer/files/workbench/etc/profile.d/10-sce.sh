# Histories and scratch files of the tools contain what was typed and shown: if
# the volume is mounted, they are stored there, not on the boot volume.
if mountpoint -q /hipaa && [ -w /hipaa ]; then
    export HISTFILE=/hipaa/.bash_history R_HISTFILE=/hipaa/.Rhistory
    export IPYTHONDIR=/hipaa/.ipython JUPYTER_CONFIG_DIR=/hipaa/.jupyter
    export JUPYTER_DATA_DIR=/hipaa/.jupyter/data JUPYTER_RUNTIME_DIR=/hipaa/.jupyter/runtime
fi
