"""Run Minian 2 on a folder of videos, with the settings published for simulated recordings.

Call, with the Python of an environment that has Minian:
``python run_minian.py videos result.npz processes signal_level``
"""

import logging
import os
import sys
from pathlib import Path

SETTINGS = {
    "median_px": 5, "tophat_px": 10,
    "seeds": {"wnd_size": 1000, "stp_size": 500, "max_wnd": 10, "diff_thres": 5},
    "pnr": {"noise_freq": 0.06, "thres": 2},
    "seeds_merge": {"thres_dist": 2, "thres_corr": 0.95, "noise_freq": 0.06},
    "initial": {"thres_corr": 0.8, "wnd": 10, "noise_freq": 0.06},
    "merge": 0.6,
    "noise_range": (0.06, 0.5),
    "spatial": {"dl_wnd": 3, "size_thres": (5, None)},
    "spatial_penalties": (1e-4, 1e-3),
    "temporal": {
        "noise_freq": 0.06, "p": 2, "add_lag": 100, "sparse_penal": 0.5, "jac_thres": 0.2,
        "use_smooth": False,
    },
}  # fmt: skip


def settings_for(signal_level: float) -> dict:
    """Return the settings; at the lowest signal level other ones were published."""
    settings = {**SETTINGS}
    if signal_level <= 0.2:
        settings["seeds"] = {**SETTINGS["seeds"], "diff_thres": 10}
        settings["temporal"] = {**SETTINGS["temporal"], "sparse_penal": 0.1}
    return settings


def main(videos: Path, result: Path, processes: int, signal_level: float) -> None:
    store = result.parent / "minian"
    os.environ["MINIAN_INTERMEDIATE"] = str(store)
    import numpy as np
    from dask.distributed import Client, LocalCluster
    from minian import cnmf, initialization, motion_correction, preprocessing, utilities
    from minian.io import load_videos

    settings = settings_for(signal_level)

    def stored(array, name: str, chunks: dict | None = None):
        array = array.rename(name)
        return utilities.save_minian(array, str(store), overwrite=True, chunks=chunks)

    cluster = LocalCluster(
        n_workers=processes, threads_per_worker=1, memory_limit="8GB", dashboard_address=None
    )
    with cluster, Client(cluster):
        movie = load_videos(str(videos), pattern=r"msCam[0-9]+\.avi$", dtype=np.uint8)
        chunks, _ = utilities.get_optimal_chk(movie, dtype=float)
        by_frame = {"frame": chunks["frame"], "height": -1, "width": -1}
        by_pixel = {"frame": -1, "height": chunks["height"], "width": chunks["width"]}
        by_trace = {"unit_id": 1, "frame": -1}
        movie = stored(movie.chunk(by_frame), "varr")
        clean = preprocessing.denoise(movie, method="median", ksize=settings["median_px"])
        clean = preprocessing.remove_background(clean, "tophat", wnd=settings["tophat_px"])
        clean = stored(clean.chunk(by_frame), "clean")
        logging.info("filtered")

        motion = motion_correction.estimate_motion(
            clean, dim="frame", aggregation="max", upsample=10
        )
        motion = stored(motion, "motion", {"frame": chunks["frame"], "shift_dim": -1})
        still = motion_correction.apply_transform(clean, motion, fill=0)
        Y = stored(still.astype(np.float32), "Y_by_frame", by_frame)
        Y_pixels = stored(Y, "Y_by_pixel", by_pixel)
        highest = stored(Y.max("frame"), "max_proj").compute()
        logging.info("aligned")

        seeds = initialization.seeds_init(Y, **settings["seeds"])
        seeds, *_ = initialization.pnr_refine(Y_pixels, seeds, **settings["pnr"])
        seeds = seeds[seeds["mask_pnr"]].reset_index(drop=True)
        seeds = initialization.seeds_merge(Y_pixels, highest, seeds, **settings["seeds_merge"])
        seeds = seeds[seeds["mask_mrg"]].reset_index(drop=True)
        logging.info("%d seeds", len(seeds))

        A = initialization.initA(Y_pixels, seeds, **settings["initial"])
        A = stored(A, "A_seeds", {"unit_id": 1, "height": -1, "width": -1})
        C = stored(initialization.initC(Y, A), "C_seeds", {"unit_id": -1, "frame": chunks["frame"]})
        A, C = cnmf.unit_merge(A, C, thres_corr=settings["merge"])
        A = stored(A, "A_0", {"unit_id": 1, "height": -1, "width": -1})
        C = stored(C, "C_0", by_trace)
        by_slab = {"unit_id": -1, "frame": chunks["frame"]}
        C_slabs = stored(C, "C_slabs_0", by_slab)
        b, f = cnmf.update_background(Y, A, C_slabs)
        b, f = stored(b, "b_0", {"height": -1, "width": -1}), stored(f, "f_0", {"frame": -1})
        noise = stored(
            cnmf.get_noise_fft(Y_pixels, noise_range=settings["noise_range"]), "sn",
            {"height": chunks["height"], "width": chunks["width"]},
        )  # fmt: skip
        for turn, penalty in enumerate(settings["spatial_penalties"], start=1):
            A_new, kept, scale = cnmf.update_spatial(
                Y_pixels, A, C, noise, sparse_penal=penalty, **settings["spatial"]
            )
            C_new = stored((C.sel(unit_id=kept) * scale), f"C_scaled_{turn}", by_trace)
            C_slabs = stored(C_new, f"C_slabs_{turn}", by_slab)
            A = stored(A_new, f"A_{turn}", {"unit_id": 1, "height": -1, "width": -1})
            b, f = cnmf.update_background(Y, A, C_slabs)
            b = stored(b, f"b_{turn}", {"height": -1, "width": -1})
            f = stored(f, f"f_{turn}", {"frame": chunks["frame"]})
            logging.info("spatial update %d: %d units", turn, A.sizes["unit_id"])

            raw = stored(cnmf.compute_trace(Y, A, b, C_slabs, f), f"YrA_{turn}", by_trace)
            C_new, S, b0, c0, _, kept = cnmf.update_temporal(
                A, C_new, YrA=raw, **settings["temporal"]
            )
            C = stored(C_new, f"C_{turn}", by_trace)
            S = stored(S, f"S_{turn}", by_trace)
            b0, c0 = stored(b0, f"b0_{turn}", by_trace), stored(c0, f"c0_{turn}", by_trace)
            A = A.sel(unit_id=C.coords["unit_id"].values)
            logging.info("temporal update %d: %d units", turn, A.sizes["unit_id"])
            if turn == 1:
                A, C, _ = cnmf.unit_merge(A, C, [C + b0 + c0], thres_corr=settings["merge"])
                A = stored(A, "A_merged", {"unit_id": 1, "height": -1, "width": -1})
                C = stored(C, "C_merged", by_trace)
        np.savez(
            result,
            A=A.transpose("unit_id", "height", "width").astype(np.float32).values,
            C=C.transpose("unit_id", "frame").astype(np.float32).values,
            S=S.transpose("unit_id", "frame").astype(np.float32).values,
            motion=motion.transpose("frame", "shift_dim").values,
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder, output, number, level = sys.argv[1:]
    main(Path(folder), Path(output), int(number), float(level))
