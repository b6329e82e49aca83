function units = load_units(file)
% LOAD_UNITS  Read units.h5, as Scopeflow exports it, in MATLAB or GNU Octave.
%
%   units = load_units('results/m1-day1/default/export/units.h5');
%   plot(units.time_s, units.C(1, :))
%   imagesc(units.A(:, :, 1))
%
% C, S, YrA are (unit, frame), A is (height, width, unit), b, glow and max_proj are
% (height, width), motion is (frame, 2), orientation (frame, 4), g is (unit, lag). Everything
% else of a unit or of a frame is a column. data_dictionary.md beside the file says what each
% means. Labels are in units.unit_id; centroid_height and centroid_width count from 0.

matrices = {'A', 'C', 'S', 'YrA', 'g', 'b', 'glow', 'max_proj', 'motion', 'orientation'};
if exist('OCTAVE_VERSION', 'builtin')
  units = load(file);
  names = fieldnames(units);
else
  info = h5info(file);
  names = {info.Datasets.Name};
  units = struct();
  for i = 1:numel(names)
    if all(info.Datasets(i).Dataspace.Size > 0)
      units.(names{i}) = h5read(file, ['/' names{i}]);
    else
      units.(names{i}) = zeros(info.Datasets(i).Dataspace.Size);
    end
  end
end
for i = 1:numel(names)
  if ~any(strcmp(names{i}, matrices))
    units.(names{i}) = units.(names{i})(:);
  end
end

% MATLAB drops trailing dimensions of one; the number of units decides.
n = units.n_units;
units.A = reshape(units.A, units.height_px, units.width_px, n);
for name = {'C', 'S', 'YrA'}
  units.(name{1}) = reshape(units.(name{1}), n, units.n_frames);
end
end
